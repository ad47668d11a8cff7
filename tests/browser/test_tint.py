"""Tint, Chromium's WGSL compiler, takes every shader in every variant that its GPU here can run.

Modules only: pipelines of all variants would take SwiftShader minutes, and the kernel tests of
tests/gpu make the ones that they run.
"""

import pytest
from playwright.sync_api import Page

from tests.gpu.conftest import read_shader
from tests.shader_variants import RUNGS, shaders

MESSAGES = """async (shaders) => {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter.requestDevice({ requiredFeatures: ["subgroups"] });
  const told = [];
  for (const { name, code } of shaders) {
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    told.push(...messages.map(({ lineNum, message }) => `${name} ${lineNum}: ${message}`));
  }
  device.destroy();
  return told;
}"""


@pytest.mark.parametrize("rung", ["subgroups", "plain"])
def test_tint_takes_every_variant(page: Page, rung: str) -> None:
    made = shaders(read_shader, RUNGS[rung], frozenset({"subgroups"}))
    texts = [{"name": shader.name, "code": shader.code} for shader in made]
    assert len(texts) > 50
    assert page.evaluate(MESSAGES, texts) == []
    broken = {"name": "broken", "code": made[0].code + "\nfn f() -> u32 { return 1.5; }"}
    assert len(page.evaluate(MESSAGES, [broken])) == 1
