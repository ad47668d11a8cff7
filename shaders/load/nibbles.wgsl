// 16 bytes of 4-bit quants -> four octets.   Needs raw_word, octet, put_word.

// Each 8 bytes hold an octet in their low nibbles, and in the high ones that which comes `apart`
// octets later.
fn put_nibbles(at: u32, to: u32, apart: u32) {
    for (var i = 0u; i < 2u; i += 1u) {
        let first = raw_word(at + i * 8u);
        let last = raw_word(at + i * 8u + 4u);
        let low = to + i * (3u - apart);
        put_word(low, octet(first, last));
        put_word(low + apart, octet(first >> 4u, last >> 4u));
    }
}
