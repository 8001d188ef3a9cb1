// For builds with the leak sanitizer: nothing is unloaded, so that what a Vulkan driver leaves
// behind can still be traced to the driver (tests/lsan.supp names it) and is not held against us.
int dlclose(void *handle);

int dlclose(void *handle)
{
    (void)handle;
    return 0;
}
