// Queries, keys and values on their way into attention: norm, rotation, scale, and the cache.
// Needs D, H, KV, S, HEAD_NORM: const; params.eps; qkv, keys, values; lib/rope and lib/halves; and
// in the workgroup heads: array<f32>, where heads lie one after the other.

override SCALE: f32 = 1.0;             // of the scores; queries are multiplied by it
override WARMTH: f32 = 0.0;            // and by 1 + WARMTH ln(1 + floor(position / WARM_FROM))
override WARM_FROM: u32 = 1;
override TURN_FIRST: bool = false;     // the heads' norm comes after the rotation
override VALUE_NORM: bool = false;     // values have an RMSNorm without weights
override SHARED: bool = false;         // qkv holds queries only; the cache is another layer's
override TIED: bool = false;           // values are the keys as they come; qkv holds them once

const LV: u32 = D / 8u;                                             // elements of a cached head
const COLUMNS: u32 = (H + select(select(2u, 1u, TIED) * KV, 0u, SHARED)) * D;     // of qkv
const VALUE: u32 = select(KV * D, 0u, TIED);                        // from a key to its value

// the dimensions of a pair of qkv's head that begins at `at`
fn fetch(at: u32, pair: u32, pos: u32) -> vec2<f32> {
    let dims = at + rope_dims(pair);
    let v = vec2<f32>(qkv[dims.x], qkv[dims.y]);
    if (TURN_FIRST) { return rope_turn(v, pair, pos); }
    return v;
}

// the rest of what happens to such a pair; `mean` is that of its head's squares
fn finish(fetched: vec2<f32>, pair: u32, pos: u32, is_key: bool, mean: f32) -> vec2<f32> {
    var v = fetched;
    if (HEAD_NORM) {
        let at = rope_dims(pair) + select(0u, D, is_key);
        v *= inverseSqrt(mean + params.eps) * vec2<f32>(head_norm(at.x), head_norm(at.y));
    }
    if (!TURN_FIRST) { v = rope_turn(v, pair, pos); }
    if (is_key) { return v; }
    if (WARMTH == 0.0) { return v * SCALE; }
    return v * (SCALE * (1.0 + WARMTH * log(f32(1u + pos / WARM_FROM))));
}

// keeps element e of a key, which lies in heads at k, and of its value: qkv at v, times `scale`
fn keep(kv: u32, e: u32, pos: u32, k: u32, v: u32, scale: f32) {
    keys[(kv * LV + e) * S + pos] = halves8(
        vec4<f32>(heads[k], heads[k + 1u], heads[k + 2u], heads[k + 3u]),
        vec4<f32>(heads[k + 4u], heads[k + 5u], heads[k + 6u], heads[k + 7u]));
    values[(kv * S + pos) * LV + e] = halves8(
        scale * vec4<f32>(qkv[v], qkv[v + 1u], qkv[v + 2u], qkv[v + 3u]),
        scale * vec4<f32>(qkv[v + 4u], qkv[v + 5u], qkv[v + 6u], qkv[v + 7u]));
}
