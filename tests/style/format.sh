#!/usr/bin/env bash
# Sources are formatted as .clang-format and .editorconfig say. 77: no clang-format here.
command -v clang-format >/dev/null || exit 77
cd "$(dirname "$0")/../.." || exit 1

failed=0
while read -r file; do
    if ! clang-format --dry-run --Werror "$file" 2>/dev/null; then
        echo "not formatted: $file"
        failed=1
    fi
done < <(find engine src tests -name '*.[ch]')

# .editorconfig: no tabs, no trailing space, a newline at the end.
while read -r file; do
    if grep -nP '\t|[ \t]+$' "$file"; then
        echo "tab or trailing space: $file"
        failed=1
    fi
    if [ -s "$file" ] && [ "$(tail -c 1 "$file" | wc -l)" -eq 0 ]; then
        echo "no newline at the end: $file"
        failed=1
    fi
done < <(find engine src tests shaders tools CMakeLists.txt README.md \
    -type f \( -name '*.[ch]' -o -name '*.comp' -o -name '*.glsl' -o -name '*.cmake' \
    -o -name '*.sh' -o -name '*.py' -o -name '*.md' -o -name CMakeLists.txt \))
exit $failed
