"""web/engine/device.js in Chromium: what it opens, and what it says where it cannot."""

from playwright.sync_api import Page

from tests.browser.gpu_story import run


def test_the_ladder_of_features_and_limits(gpu_page: Page) -> None:
    body = """
      const about = async (options) => JSON.parse((await open(options)).describe());
      return [await about(), await about({ withhold: ["subgroups"], defaultLimits: true })];
    """
    best, plain = run(gpu_page, body)
    assert "subgroups" in best["features"]
    assert "subgroups" not in plain["features"]
    assert "software" in best["info"]
    assert best["limits"]["maxStorageBufferBindingSize"] > 2**27
    assert plain["limits"]["maxStorageBufferBindingSize"] == 2**27
    assert plain["limits"]["maxBufferSize"] == 2**28
    assert plain["limits"]["maxComputeWorkgroupsPerDimension"] == 65535


def test_no_gpu_is_explained(gpu_page: Page) -> None:
    body = """
      const errors = [];
      const real = GPU.prototype.requestAdapter;
      GPU.prototype.requestAdapter = async () => null;
      errors.push(await failure(() => open()));
      GPU.prototype.requestAdapter = real;
      Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
      errors.push(await failure(() => open()));
      delete navigator.gpu;
      return errors;
    """
    no_adapter, no_webgpu = run(gpu_page, body)
    assert no_adapter["name"] == no_webgpu["name"] == "MissingFeature"
    assert "no GPU" in no_adapter["message"]
    assert "no WebGPU" in no_webgpu["message"]


def test_a_device_that_is_refused_is_told_as_that(gpu_page: Page) -> None:
    """The browser's own refusal, of a limit that no adapter has."""
    body = """
      const { requestDevice } = GPUAdapter.prototype;
      GPUAdapter.prototype.requestDevice = function (what) {
        return requestDevice.call(this, { ...what, requiredLimits: { maxBindGroups: 1e6 } });
      };
      const error = await failure(() => open());
      GPUAdapter.prototype.requestDevice = requestDevice;
      return error;
    """
    error = run(gpu_page, body)
    assert error["name"] == "DeviceRefused"
    assert "maxBindGroups" in error["message"]
