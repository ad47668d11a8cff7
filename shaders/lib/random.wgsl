// Random numbers by counter: the same (seed, step, item) gives the same number everywhere.

// PCG hash (Jarzynski and Olano, JCGT 9(3), 2020)
fn pcg(x: u32) -> u32 {
    let state = x * 747796405u + 2891336453u;
    let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
    return (word >> 22u) ^ word;
}

// Gumbel noise. -log(1 - w) is a series where w is small: the logarithm near 1 is only promised
// to 2^-21, and just there the large values come from.
fn gumbel(seed: u32, step: u32, item: u32) -> f32 {
    let bits = pcg(item ^ pcg(step ^ pcg(seed)));
    let w = (f32(bits >> 9u) + 0.5) * 1.1920929e-7;      // 2^-23, exact
    let waited = select(-log(1.0 - w), w * (1.0 + w * (0.5 + w * 0.33333334)), w < 0.01);
    return -log(waited);
}
