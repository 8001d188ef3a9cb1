# A network with 1000 classes and no names is taken for one from torchvision.
. "$SCRIPTS/lib/common.sh"
need python3
python3 "$SCRIPTS/lib/make_model.py" plain.safetensors 1000
expect 0 "$CUBBY" import plain.safetensors -o model.safetensors
err_has "ImageNet"
expect 0 "$CUBBY" info -v model.safetensors
out_has "tench"
out_has "toilet tissue"
