// Several sums over the workgroup, with one barrier. Needs WG, SUMS: const u32. Feature: subgroups,
// of any size, their lanes neighbours (see reduce_subgroup.wgsl).   Contract: see reduce_rows.wgsl
var<workgroup> row_parts: array<f32, SUMS * WG>;
var<private> row_stride: u32;

fn reduce_rows(values: array<f32, SUMS>, lane: u32) {
    // #unroll
    for (var r = 0u; r < SUMS; r += 1u) { row_parts[r * WG + lane] = subgroupAdd(values[r]); }
    row_stride = subgroupAdd(1u);
    workgroupBarrier();
}

fn row_sum(r: u32) -> f32 {
    var total = 0.0;
    for (var i = 0u; i < WG; i += row_stride) { total += row_parts[r * WG + i]; }
    return total;
}
