// Softmax over rows of scores that come tile by tile, its division left out (arXiv 1805.02867).
// Needs WG, BQ = 16 rows, BK positions of a tile: const, and in the workgroup the scores as
// weights: array<vec4<f32>>, of position i and rows 4r …: i * 4 + r. `tops` begins as -1e30.
const PARTS: u32 = WG / BQ;                     // threads that share a row
var<workgroup> maxima: array<f32, WG>;
var<workgroup> masses: array<f32, WG>;
var<workgroup> tops: array<f32, 2u * BQ>;       // of the rows, after this tile and the last one
var<workgroup> shrink: array<f32, BQ>;          // what earlier tiles' sums are multiplied by

// Scores become weights. Returns their sum for this lane's row, if lane < BQ.
// Where a row has seen nothing yet, masked positions weigh 1, until shrink makes that 0.
fn weigh(tile: u32, lane: u32) -> f32 {
    let row = lane % BQ;
    var top = -1e30;
    for (var i = lane / BQ; i < BK; i += PARTS) {
        top = max(top, weights[i * 4u + row / 4u][row % 4u]);
    }
    maxima[lane] = top;
    workgroupBarrier();
    let before = tops[(tile & 1u) * BQ + row];
    top = before;
    // #unroll
    for (var p = 0u; p < PARTS; p += 1u) { top = max(top, maxima[p * BQ + row]); }
    var sum = 0.0;
    for (var i = lane / BQ; i < BK; i += PARTS) {
        let weight = exp(weights[i * 4u + row / 4u][row % 4u] - top);
        weights[i * 4u + row / 4u][row % 4u] = weight;
        sum += weight;
    }
    masses[lane] = sum;
    if (lane < BQ) {
        shrink[row] = exp(before - top);
        tops[((tile + 1u) & 1u) * BQ + row] = top;
    }
    workgroupBarrier();
    var total = 0.0;
    // #unroll
    for (var p = 0u; p < PARTS; p += 1u) { total += masses[p * BQ + row]; }
    return total;
}
