// The square of what is above 0 (Primer, arXiv 2109.08668).
fn activate(x: f32) -> f32 {
    let above = max(x, 0.0);
    return above * above;
}
