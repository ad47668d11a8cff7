// out[i * stride + offset] = (scale, bias[first + i])        for the rows i < rows of one matrix
//
//   scales (n,) f32: `which` of them is the matrix's      bias f32      out (…, 2) f32
//   options: AFTER (the bias is multiplied too)
//   dispatch over ceil(rows / 64) workgroups in two dimensions

override AFTER: bool = false;

struct Params {
    which: u32,
    first: u32,
    rows: u32,
    stride: u32,
    offset: u32,
}

@group(0) @binding(0) var<storage, read> scales: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec2<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.x + group.y * groups.x) * 64u + lane;
    if (i >= params.rows) { return; }
    let scale = scales[params.which];
    var b = bias[params.first + i];
    if (AFTER) { b *= scale; }
    out[i * params.stride + params.offset] = vec2<f32>(scale, b);
}
