// Several sums over each team of a workgroup. Needs WG, TEAM, SUMS: const u32; WG and TEAM, its
// threads, are powers of two.
//
// All threads call reduce_rows; afterwards any thread may ask for any sum of any team by row_sum.
// Variants: reduce_rows_subgroup.wgsl, reduce_rows_single.wgsl
var<workgroup> row_parts: array<f32, SUMS * WG>;

fn reduce_rows(values: array<f32, SUMS>, lane: u32) {
    for (var r = 0u; r < SUMS; r += 1u) { row_parts[r * WG + lane] = values[r]; }
    workgroupBarrier();
    for (var step = TEAM / 2u; step > 0u; step /= 2u) {
        if (lane % TEAM < step) {
            for (var r = 0u; r < SUMS; r += 1u) {
                row_parts[r * WG + lane] += row_parts[r * WG + lane + step];
            }
        }
        workgroupBarrier();
    }
}

fn row_sum(r: u32, team: u32) -> f32 { return row_parts[r * WG + team * TEAM]; }
