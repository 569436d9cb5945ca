#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds the fuzz targets as OSS-Fuzz wants them: programs, dictionaries and corpora in $OUT, with its
# compiler, flags and engine. tests/fuzz/oss_fuzz.py runs it without Docker.
set -eu

targets=()
for file in "$SRC"/sevc/fuzz/*.c; do
    name=$(basename "$file" .c)
    targets+=("$name")
done

# Static where there is a choice: the machine that runs the targets has no such library.
mkdir -p "$WORK/static"
for place in /usr/lib/x86_64-linux-gnu /usr/lib; do
    [ ! -e "$place/libzstd.a" ] || ln -sf "$place/libzstd.a" "$WORK/static/"
done

zydis=$SRC/zydis
[ -d "$zydis" ] || zydis=$SRC/sevc/build/zydis

# Linked as C++, which the engine is.
cmake -S "$SRC/sevc" -B "$WORK/sevc" \
    -DCMAKE_C_COMPILER="$CC" -DCMAKE_C_FLAGS="$CFLAGS" -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_C_LINK_EXECUTABLE="$CXX <FLAGS> <LINK_FLAGS> <OBJECTS> -o <TARGET> <LINK_LIBRARIES>" \
    -DCMAKE_EXE_LINKER_FLAGS="-L$WORK/static" -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON \
    -DSEVC_ZYDIS_SOURCE_DIR="$zydis" \
    -DSEVC_FUZZ_ENGINE="$LIB_FUZZING_ENGINE" -DSEVC_FUZZ_SANITIZE= \
    -DSEVC_BUILD_FUZZ=ON -DSEVC_BUILD_TESTS=OFF -DSEVC_BUILD_EMULATOR=OFF -DSEVC_BUILD_EXAMPLES=OFF
cmake --build "$WORK/sevc" --parallel "$(nproc)" --target "${targets[@]/#/fuzz_}"

for name in "${targets[@]}"; do
    cp "$WORK/sevc/fuzz/fuzz_$name" "$OUT/"
    (cd "$SRC/sevc/fuzz/corpus/$name" &&
        python3 -m zipfile -c "$OUT/fuzz_${name}_seed_corpus.zip" ./*)
    [ ! -e "$SRC/sevc/fuzz/dict/$name.dict" ] || cp "$SRC/sevc/fuzz/dict/$name.dict" "$OUT/fuzz_$name.dict"
done
cp "$WORK/sevc/fuzz/libsevc_fuzz_oracle.so" "$OUT/" # fuzz_decode's
