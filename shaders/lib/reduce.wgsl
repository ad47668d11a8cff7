// Sum and maximum over the workgroup; every thread gets the result.
// Needs WG: const u32, a power of two.
var<workgroup> reduce_scratch: array<f32, WG>;

fn reduce_sum(x: f32, lane: u32) -> f32 {
    reduce_scratch[lane] = x;
    workgroupBarrier();
    for (var step = WG / 2u; step > 0u; step /= 2u) {
        if (lane < step) { reduce_scratch[lane] += reduce_scratch[lane + step]; }
        workgroupBarrier();
    }
    let total = reduce_scratch[0];
    workgroupBarrier();
    return total;
}

fn reduce_max(x: f32, lane: u32) -> f32 {
    reduce_scratch[lane] = x;
    workgroupBarrier();
    for (var step = WG / 2u; step > 0u; step /= 2u) {
        if (lane < step) {
            reduce_scratch[lane] = max(reduce_scratch[lane], reduce_scratch[lane + step]);
        }
        workgroupBarrier();
    }
    let top = reduce_scratch[0];
    workgroupBarrier();
    return top;
}
