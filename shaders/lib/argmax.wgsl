// The largest value of the workgroup and its index; the lowest index wins a tie.
// Needs WG: const u32.
struct Best {
    value: f32,
    index: u32,
}

var<workgroup> argmax_value: array<f32, WG>;
var<workgroup> argmax_index: array<u32, WG>;

fn better(a: Best, b: Best) -> Best {
    if (b.value > a.value || (b.value == a.value && b.index < a.index)) { return b; }
    return a;
}

fn argmax(mine: Best, lane: u32) -> Best {
    argmax_value[lane] = mine.value;
    argmax_index[lane] = mine.index;
    workgroupBarrier();
    for (var step = WG / 2u; step > 0u; step /= 2u) {
        if (lane < step) {
            let best = better(
                Best(argmax_value[lane], argmax_index[lane]),
                Best(argmax_value[lane + step], argmax_index[lane + step]));
            argmax_value[lane] = best.value;
            argmax_index[lane] = best.index;
        }
        workgroupBarrier();
    }
    let best = Best(argmax_value[0], argmax_index[0]);
    workgroupBarrier();
    return best;
}
