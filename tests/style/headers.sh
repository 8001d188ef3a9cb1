#!/usr/bin/env bash
# Each header compiles alone, and src includes only the engine's public headers.
cd "$(dirname "$0")/../.." || exit 1

failed=0
while read -r header; do
    if ! ${CC:-cc} -std=c17 -fsyntax-only -DVK_NO_PROTOTYPES -D_GNU_SOURCE -Iengine/include \
        -Iengine -Isrc -Ishaders/include -x c "$header"; then
        echo "does not compile alone: $header"
        failed=1
    fi
done < <(find engine src shaders/include -name '*.h')

if grep -rnE '#include "(vk|ops|ref|graph|model|image)/' src; then
    echo "src includes a private header of the engine"
    failed=1
fi
if grep -rnE '\b(printf|fprintf|exit|getenv|fopen)\(' engine --include='*.c'; then
    echo "the engine prints, exits or opens files"
    failed=1
fi
exit $failed
