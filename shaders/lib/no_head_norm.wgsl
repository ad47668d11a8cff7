// Heads without a norm of their own. See head_norm.wgsl.
const HEAD_NORM: bool = false;

fn head_norm(i: u32) -> f32 { return 1.0; }
