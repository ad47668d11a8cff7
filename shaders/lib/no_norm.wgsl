// A product without a folded norm. Variant: norm.wgsl.
const NORM: bool = false;

fn norm_weight(i: u32) -> vec4<f32> { return vec4<f32>(1.0); }
