// GELU by tanh (arXiv 1606.08415); beyond the bounds tanh is 1 within an f32.
fn activate(x: f32) -> f32 {
    let inner = clamp(0.7978845608 * (x + 0.044715 * x * x * x), -10.0, 10.0);
    return 0.5 * x * (1.0 + tanh(inner));
}
