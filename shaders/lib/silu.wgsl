// SiLU: x * sigmoid(x); the bound keeps exp finite, where the result is 0 within 1e-32.
// Variants: gelu.wgsl, relu2.wgsl.
fn activate(x: f32) -> f32 { return x / (1.0 + exp(-max(x, -80.0))); }
