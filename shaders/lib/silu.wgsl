// SiLU, x * sigmoid(x).   Variants: gelu.wgsl, relu2.wgsl, capped.wgsl.
// #include "lib/sigmoid.wgsl"

fn activate(x: f32) -> f32 { return x * sigmoid(x); }
