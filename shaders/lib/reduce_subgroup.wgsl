// Sum and maximum over the workgroup; every thread gets the result. Needs WG: const u32.
// Feature: subgroups, of any size: each lane leaves its subgroup's result, and one lane of every
// subgroup is counted. A subgroup's lanes are neighbours in a one-dimensional workgroup on every
// host tested (SwiftShader 4, lavapipe 8, NVIDIA 32); the kernels' tests would fail otherwise.
var<workgroup> reduce_scratch: array<f32, WG>;

fn reduce_sum(x: f32, lane: u32) -> f32 {
    reduce_scratch[lane] = subgroupAdd(x);
    let size = subgroupAdd(1u);
    workgroupBarrier();
    var total = 0.0;
    for (var i = 0u; i < WG; i += size) { total += reduce_scratch[i]; }
    workgroupBarrier();
    return total;
}

fn reduce_max(x: f32, lane: u32) -> f32 {
    reduce_scratch[lane] = subgroupMax(x);
    let size = subgroupAdd(1u);
    workgroupBarrier();
    var top = reduce_scratch[0];
    for (var i = size; i < WG; i += size) { top = max(top, reduce_scratch[i]); }
    workgroupBarrier();
    return top;
}
