# What `cubby bench` prints: each stage, as a table and as JSON. How fast is nobody's business here.
. "$SCRIPTS/lib/common.sh"
make_model
need_device
python3 "$SCRIPTS/lib/make_photos.py" photos 7
echo words >photos/words.jpg
bench() { expect 0 "$CUBBY" bench --model model.safetensors --batch 4 --seconds 0.1 "$@"; }

bench --photos photos --json
python3 - <<'PYTHON' || fail "the JSON is wrong"
import json
r = json.load(open("out"))
assert r["device"] and r["kernels"] in ("lane", "tile", "matrix") and r["precision"]
assert r["upload"] in ("mapped", "copied", "queued")
assert r["peak_rss_bytes"] > 1e6 and r["first_result_s"] > 0 and r["threads"] >= 1
stages = {"reading": "photos_per_s", "decode": "photos_per_s", "network": "images_per_s",
          "filing": "photos_per_s", "end_to_end": "photos_per_s"}
for stage, rate in stages.items():
    part = r[stage]
    assert part[rate] > 0, part
    for limit in part["limits"]:
        assert limit["what"] and limit["unit"] in ("bytes/s", "flop/s", "photos/s"), limit
        assert abs(limit["fraction"] - limit["reached"] / limit["limit"]) < 1e-3, limit
whats = {stage: {limit["what"] for limit in r[stage]["limits"]} for stage in stages}
assert whats["reading"] == {"disk"} and whats["decode"] == {"memory"}, whats
assert whats["network"] == {"multiply_add", "memory"} and whats["filing"] == {"disk"}, whats
assert "slowest_stage" in whats["end_to_end"], whats
alone = [r[stage][rate] for stage, rate in stages.items() if stage != "end_to_end"]
assert abs(r["slowest_stage"] - min(alone)) < 1e-3 * min(alone)
assert r["limit"] <= r["slowest_stage"] and r["network"]["batch"] == 4
assert abs(r["fraction_of_limit"] - r["end_to_end"]["photos_per_s"] / r["limit"]) < 1e-3
assert r["limited_by"]
PYTHON
err_has "could not be decoded"

bench --photos photos
for stage in reading decoding network filing "end to end" "peak memory" "first result" \
    pictures; do
    out_has "$stage"
done

# One stage alone.
bench --photos photos --only network --json
python3 -c '
import json
r = json.load(open("out"))
assert "network" in r and not {"reading", "decode", "filing", "end_to_end", "limit"} & set(r)' ||
    fail "not the network alone"
expect 2 "$CUBBY" bench --only sorting

# Ctrl-C ends it in whatever part it is. `timeout` only says when.
timeout --signal=INT --preserve-status 5 "$CUBBY" bench --model model.safetensors --batch 1 \
    --only network --seconds 20000 >out 2>err
[ $? -eq 130 ] || fail "Ctrl-C was not heeded"

# Without a photo that can be decoded there is no first result.
mkdir words && cp photos/words.jpg words
expect 1 "$CUBBY" bench --model model.safetensors --photos words --only reading --seconds 0.1
err_has "none of the photos can be decoded"

# Nothing is left behind, and a place where nothing can be written is no reason to stop.
[ -z "$(find . -name '.cubby-bench*')" ] || fail "a folder was left behind"
if [ "$(id -u)" -ne 0 ]; then
    mkdir closed && mv photos closed && chmod 555 closed
    bench --photos closed/photos --json
    err_has "filing is left out"
    chmod 755 closed
    python3 -c '
import json
r = json.load(open("out"))
assert "filing" not in r and r["end_to_end"]["photos_per_s"] > 0' || fail "filing without a folder"
fi
