// Several sums over the workgroup, with one barrier. Needs WG, SUMS: const u32. Feature: subgroups,
// of any size, their lanes neighbours (see reduce_subgroup.wgsl).   Contract: see reduce_rows.wgsl
var<workgroup> row_parts: array<f32, SUMS * WG>;

fn reduce_rows(values: array<f32, SUMS>, lane: u32) -> u32 {
    for (var r = 0u; r < SUMS; r += 1u) { row_parts[r * WG + lane] = subgroupAdd(values[r]); }
    let size = subgroupAdd(1u);
    workgroupBarrier();
    return size;
}

fn row_sum(r: u32, stride: u32) -> f32 {
    var total = 0.0;
    for (var i = 0u; i < WG; i += stride) { total += row_parts[r * WG + i]; }
    return total;
}
