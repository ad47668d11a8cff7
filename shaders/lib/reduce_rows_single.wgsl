// Several sums over a workgroup that is one subgroup: no barrier, no shared memory.
// Needs SUMS: const u32, and a workgroup of one team, no larger than a subgroup.
// Contract: see reduce_rows.wgsl
var<private> row_totals: array<f32, SUMS>;

fn reduce_rows(values: array<f32, SUMS>, lane: u32) {
    // #unroll
    for (var r = 0u; r < SUMS; r += 1u) { row_totals[r] = subgroupAdd(values[r]); }
}

// Compared with each: a private array that is indexed by a variable leaves the registers.
fn row_sum(r: u32, team: u32) -> f32 {
    var total = 0.0;
    // #unroll
    for (var i = 0u; i < SUMS; i += 1u) { total = select(total, row_totals[i], i == r); }
    return total;
}
