// 1 / (1 + exp(-x)); the bound keeps exp finite, where the result is 0 within 1e-34.
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-max(x, -80.0))); }
