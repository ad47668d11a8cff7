// Sums of R rows over each of TEAMS of LANES threads, and one more, if SUMS has it, over all.
// Needs WG, TEAMS, LANES, R, SUMS: const u32.
// Contract: see reduce_rows.wgsl; a team's rows follow those of the team before it.
// #include "lib/reduce.wgsl"
var<workgroup> row_parts: array<f32, WG * R>;
var<private> row_rest: f32;

fn reduce_rows(values: array<f32, SUMS>, lane: u32) {
    // #unroll
    for (var r = 0u; r < R; r += 1u) {
        row_parts[(lane / LANES * R + r) * LANES + lane % LANES] = values[r];
    }
    workgroupBarrier();
    if (SUMS > R) { row_rest = reduce_sum(values[SUMS - 1u], lane); }
}

fn row_sum(r: u32) -> f32 {
    if (r == R * TEAMS) { return row_rest; }
    var total = 0.0;
    // #unroll
    for (var i = 0u; i < LANES; i += 1u) { total += row_parts[r * LANES + i]; }
    return total;
}
