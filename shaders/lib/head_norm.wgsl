// Weights of the RMSNorm over each query and key head (Qwen3): D for queries, then D for keys.
const HEAD_NORM: bool = true;

@group(0) @binding(7) var<storage, read> head_weight: array<f32>;

fn head_norm(i: u32) -> f32 { return head_weight[i]; }
