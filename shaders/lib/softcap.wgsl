// Scores held between -SOFTCAP and SOFTCAP (Gemma 2); 0: left as they are.
override SOFTCAP: f32 = 0.0;

// The argument is clamped, where tanh is 1 to f32's last bit: some make NaN of large ones.
fn softcap(x: f32) -> f32 {
    if (SOFTCAP == 0.0) { return x; }
    return SOFTCAP * tanh(clamp(x / SOFTCAP, -10.0, 10.0));
}
