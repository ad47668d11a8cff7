// Several sums over each team of a workgroup, with one barrier. Needs WG, TEAM, SUMS: const u32.
// Feature: subgroups of any size up to a team's (see reduce_subgroup.wgsl).
// Contract: see reduce_rows.wgsl
const ROW_PLACES: u32 = (WG + 3u) / 4u;        // subgroups have four lanes at least
var<workgroup> row_parts: array<f32, SUMS * ROW_PLACES>;
var<private> row_stride: u32;

fn reduce_rows(values: array<f32, SUMS>, lane: u32) {
    // #unroll
    for (var r = 0u; r < SUMS; r += 1u) {
        let part = subgroupAdd(values[r]);
        if (lane % 4u == 0u) { row_parts[r * ROW_PLACES + lane / 4u] = part; }
    }
    row_stride = subgroupAdd(1u);
    workgroupBarrier();
}

fn row_sum(r: u32, team: u32) -> f32 {
    var total = 0.0;
    for (var i = team * TEAM; i < (team + 1u) * TEAM; i += row_stride) {
        total += row_parts[r * ROW_PLACES + i / 4u];
    }
    return total;
}
