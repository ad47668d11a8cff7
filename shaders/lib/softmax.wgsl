// Softmax over the scores of GW heads, its division left out.
// Needs WG, GW, SPAN, and in the workgroup: scores (GW, SPAN), team (GW or more, 16) as scratch.
var<workgroup> sums: array<f32, GW * 16u>;

// scores become weights exp(score - max); 16 lanes a head leave their maxima and sums
fn weigh(n: u32, lane: u32) {
    for (var i = lane; i < GW * 16u; i += WG) {
        var top = -1e30;
        for (var j = i % 16u; j < n; j += 16u) { top = max(top, scores[i / 16u * SPAN + j]); }
        team[i] = top;
    }
    workgroupBarrier();
    for (var i = lane; i < GW * 16u; i += WG) {
        let head = i / 16u;
        let top = largest(head);
        var sum = 0.0;
        for (var j = i % 16u; j < n; j += 16u) {
            let weight = exp(scores[head * SPAN + j] - top);
            scores[head * SPAN + j] = weight;
            sum += weight;
        }
        sums[i] = sum;
    }
    workgroupBarrier();
}

fn largest(head: u32) -> f32 {
    var top = -1e30;
    for (var j = 0u; j < 16u; j += 1u) { top = max(top, team[head * 16u + j]); }
    return top;
}

fn total(head: u32) -> f32 {
    var sum = 0.0;
    for (var j = 0u; j < 16u; j += 1u) { sum += sums[head * 16u + j]; }
    return sum;
}
