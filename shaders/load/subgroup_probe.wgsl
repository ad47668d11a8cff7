// What subgroups are on this device: sizes[lane] = the size of the lane's subgroup, or 0 where
// its lanes are not the neighbours that reduce_subgroup.wgsl relies on
//
//   sizes (groups * WG,) u32      dispatch (groups, 1, 1)

override WG: u32 = 128;

@group(0) @binding(0) var<storage, read_write> sizes: array<u32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let size = subgroupAdd(1u);
    let sum = subgroupAdd(f32(lane));
    let last = subgroupMax(f32(lane));
    let first = -subgroupMax(-f32(lane));
    let right = first == f32(lane / size * size) && last == first + f32(size - 1u)
        && sum == (first + last) * f32(size) / 2.0;
    sizes[group.x * WG + lane] = select(0u, size, right);
}
