// out[i] = x[i]
//
//   x, out (N,) vec4<f32>      dispatch over ceil(N / 256) workgroups in two dimensions

override N: u32 = 1;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.x + group.y * groups.x) * 256u + lane;
    if (i < N) { out[i] = x[i]; }
}
