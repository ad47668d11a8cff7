// Several sums over the workgroup. Needs WG, SUMS: const u32, WG a power of two.
//
// All threads call reduce_rows; afterwards any thread may ask for any sum by row_sum(r).
// Variants: reduce_rows_subgroup.wgsl, reduce_rows_single.wgsl, reduce_rows_teams.wgsl
var<workgroup> row_parts: array<f32, SUMS * WG>;

fn reduce_rows(values: array<f32, SUMS>, lane: u32) {
    for (var r = 0u; r < SUMS; r += 1u) { row_parts[r * WG + lane] = values[r]; }
    workgroupBarrier();
    for (var step = WG / 2u; step > 0u; step /= 2u) {
        if (lane < step) {
            for (var r = 0u; r < SUMS; r += 1u) {
                row_parts[r * WG + lane] += row_parts[r * WG + lane + step];
            }
        }
        workgroupBarrier();
    }
}

fn row_sum(r: u32) -> f32 { return row_parts[r * WG]; }
