// log(1 + exp(x)). A series where exp(x) is small: WGSL's logarithm near 1 is good to 2^-21 only.
fn softplus(x: f32) -> f32 {
    let w = exp(clamp(x, -80.0, 20.0));
    let series = w * (1.0 - w * (0.5 - w * (0.33333334 - w * 0.25)));
    return select(select(log(1.0 + w), series, w < 0.01), x, x > 20.0);
}
