"""Points llama-server's own tests at the running server, and takes out what they say of their author's model.

A pytest plugin: their code is used as it is, but for the start of servers, the paths without /v1, the
model's name where they leave it out, and the comparison of texts.
"""

import os
import sys
import types
from urllib.parse import urlparse

at = urlparse(os.environ["ALTIPLANO_URL"])
os.environ["DEBUG_EXTERNAL"] = "1"
os.environ["PORT"] = str(at.port)
# It downloads models, and is no wheel.
sys.modules["wget"] = types.ModuleType("wget")

BARE = ("/chat/completions", "/completions", "/responses", "/embeddings", "/rerank", "/tokenize", "/models")


def pytest_configure(config):
    sys.path.insert(0, str(config.rootpath))
    import utils

    utils.ServerPreset.load_all = staticmethod(lambda: None)
    utils.match_regex = lambda regex, text: text is not None

    def with_model(data):
        named = isinstance(data, dict) and data.get("model") is not None
        return data if named or not isinstance(data, dict) else {**data, "model": os.environ["ALTIPLANO_MODEL"]}

    def patched(original):
        def request(self, method, path, data=None, *args, **kwargs):
            return original(self, method, f"/v1{path}" if path.startswith(BARE) else path, with_model(data), *args, **kwargs)

        return request

    utils.ServerProcess.make_request = patched(utils.ServerProcess.make_request)
    utils.ServerProcess.make_stream_request = patched(utils.ServerProcess.make_stream_request)
