// Words of a repacked weight: the planes of one matrix, one after another in one buffer.
// An octet is 8 consecutive weights of a row, a block is 32 of them; see ops/weight.py.
// Needs w: array<vec4<u32>>, and of the type: its consts, weight_begin and
//   weight_scale(b, i)          scale and offset of octet i of block b
//   octet_floats(o, q, high)    quants of octet o from its words of plane qs, or the word that has
//       it, and from plane hi: its block's word if octets have 8 bits there, else its own 16 bits
// #include "lib/half.wgsl"

const WEIGHT_SHARE: u32 = max(32u / WEIGHT_BITS, 1u);  // octets in a word
const WEIGHT_WORDS: u32 = max(WEIGHT_BITS / 32u, 1u);  // words of an octet, or the word that has it
const WEIGHT_SPANS: u32 = 4u / WEIGHT_SPAN;

fn plane_word(i: u32) -> u32 { return w[i >> 2u][i & 3u]; }

// The i-th 16-bit half from word `at`.
fn plane_half(at: u32, i: u32) -> u32 {
    return (plane_word(at + (i >> 1u)) >> ((i & 1u) * 16u)) & 0xFFFFu;
}

// The 4-bit quants of an octet: low nibbles of its word are weights 0..3, high nibbles 4..7.
fn plane_nibbles(q: u32) -> array<vec4<u32>, 2> {
    return array<vec4<u32>, 2>(unpack4xU8(q & 0x0F0F0F0Fu), unpack4xU8((q >> 4u) & 0x0F0F0F0Fu));
}

// As plane_nibbles, with a fifth bit each from `high`.
fn plane_fives(word: u32, high: u32) -> array<vec4<u32>, 2> {
    let q = plane_nibbles(word);
    let h = vec4<u32>(high);
    return array<vec4<u32>, 2>(
        q[0] | ((h << vec4<u32>(4u, 3u, 2u, 1u)) & vec4<u32>(16u)),
        q[1] | ((h >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(16u)),
    );
}

// Quants of unsigned type as floats, less `zero`.
fn plane_floats(q: array<vec4<u32>, 2>, zero: f32) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4<f32>(q[0]) - zero, vec4<f32>(q[1]) - zero);
}

// Scale and offset of block b of a K-quant: per 256 weights, 8 byte pairs (scale, minimum), one
// pair per 32, then the pair of halves (d, dmin) that multiplies them.
fn plane_k_scale(b: u32, sc: u32) -> vec2<f32> {
    let at = sc + (b >> 3u) * 5u;
    let pair = plane_half(at, b & 7u);
    let d = plane_word(at + 4u);
    return vec2<f32>(
        half(d & 0xFFFFu) * f32(pair & 0xFFu),
        -half(d >> 16u) * f32(pair >> 8u),
    );
}

// Scale of octet i of block b where 256 weights have 16 signed bytes, one per 16, and an f32.
fn plane_signed_scale(b: u32, i: u32, sc: u32) -> vec2<f32> {
    let at = sc + (b >> 3u) * 5u;
    let four = bitcast<i32>(plane_word(at + ((b >> 1u) & 3u)));
    let scale = extractBits(four, (b & 1u) * 16u + (i >> 1u) * 8u, 8u);
    return vec2<f32>(bitcast<f32>(plane_word(at + 4u)) * f32(scale), 0.0);
}

// The byte of octet o in its block's word.
fn octet_byte(o: u32, word: u32) -> u32 { return (word >> ((o & 3u) * 8u)) & 0xFFu; }

// The quants of octet o, without scale and offset.
fn weight_octet(o: u32) -> array<vec4<f32>, 2> {
    var q = array<u32, WEIGHT_WORDS>();
    // #unroll
    for (var i = 0u; i < WEIGHT_WORDS; i += 1u) {
        q[i] = plane_word(o / WEIGHT_SHARE * WEIGHT_WORDS + i);
    }
    var high = 0u;
    if (WEIGHT_HIGH == 8u) { high = plane_word(params.hi + (o >> 2u)); }
    if (WEIGHT_HIGH == 16u) { high = plane_half(params.hi, o); }
    return octet_floats(o, q, high);
}

// The weights of octet o.
fn weight_eight(o: u32) -> array<vec4<f32>, 2> {
    let scale = weight_scale(o >> 2u, o & 3u);
    let q = weight_octet(o);
    var offset = 0.0;
    if (WEIGHT_OFFSET) { offset = scale.y; }
    return array<vec4<f32>, 2>(q[0] * scale.x + offset, q[1] * scale.x + offset);
}

// What planes qs and hi have of a block.
struct Block {
    words: array<vec4<u32>, WEIGHT_WORDS>,
    high: vec2<u32>,
}

fn weight_fetch(b: u32) -> Block {
    var block = Block();
    if (WEIGHT_SHARE == 4u) {
        block.words[0].x = plane_word(b);
    } else if (WEIGHT_SHARE == 2u) {
        let pair = w[b >> 1u];
        block.words[0] = select(pair, pair.zwxy, (b & 1u) == 1u);
    } else {
        // #unroll
        for (var i = 0u; i < WEIGHT_WORDS; i += 1u) { block.words[i] = w[b * WEIGHT_WORDS + i]; }
    }
    if (WEIGHT_HIGH == 8u) { block.high.x = plane_word(params.hi + b); }
    if (WEIGHT_HIGH == 16u) {
        let pair = w[(params.hi >> 2u) + (b >> 1u)];
        block.high = select(pair.xy, pair.zw, (b & 1u) == 1u);
    }
    return block;
}

// The quants of octet i of block b, without scale and offset.
fn block_octet(block: Block, b: u32, i: u32) -> array<vec4<f32>, 2> {
    var q = array<u32, WEIGHT_WORDS>();
    // #unroll
    for (var j = 0u; j < WEIGHT_WORDS; j += 1u) {
        let word = i / WEIGHT_SHARE * WEIGHT_WORDS + j;
        q[j] = block.words[word >> 2u][word & 3u];
    }
    var high = block.high.x;
    if (WEIGHT_HIGH == 16u) { high = block.high[i >> 1u] >> ((i & 1u) * 16u); }
    return octet_floats(b * 4u + i, q, high);
}

// The weights of block b.
fn weight_block(b: u32) -> array<vec4<f32>, 8> {
    let block = weight_fetch(b);
    var v = array<vec4<f32>, 8>();
    // #unroll
    for (var s = 0u; s < 4u; s += WEIGHT_SPAN) {
        let scale = weight_scale(b, s);
        var offset = 0.0;
        if (WEIGHT_OFFSET) { offset = scale.y; }
        // #unroll
        for (var i = s; i < s + WEIGHT_SPAN; i += 1u) {
            let q = block_octet(block, b, i);
            v[i * 2u] = q[0] * scale.x + offset;
            v[i * 2u + 1u] = q[1] * scale.x + offset;
        }
    }
    return v;
}

// sum(block b * a), where `totals` are the sums of a by the octets that share an offset. An octet's
// quants are used before the next one's are there: that leaves registers for more threads.
fn weight_dot(b: u32, a: array<vec4<f32>, 8>, totals: array<f32, WEIGHT_SPANS>) -> f32 {
    let block = weight_fetch(b);
    var sum = 0.0;
    // #unroll
    for (var s = 0u; s < 4u; s += WEIGHT_SPAN) {
        var part = 0.0;
        // #unroll
        for (var i = s; i < s + WEIGHT_SPAN; i += 1u) {
            let q = block_octet(block, b, i);
            part += dot(q[0], a[i * 2u]) + dot(q[1], a[i * 2u + 1u]);
        }
        let scale = weight_scale(b, s);
        sum += scale.x * part;
        if (WEIGHT_OFFSET) { sum += scale.y * totals[s / WEIGHT_SPAN]; }
    }
    return sum;
}
