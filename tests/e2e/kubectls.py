"""The kubectls of this machine: the one that the tests bring along, and the system's, if any."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

Environment = Mapping[str, str]
NONE: Environment = {}
_SECONDS = 30
BROUGHT = Path(sys.executable).with_name("kubectl")


def found() -> list[str]:
    """Their paths, the one that the tests bring along first: every version that is there."""
    folders = [Path(folder) for folder in os.get_exec_path() if Path(folder) != BROUGHT.parent]
    others = [folder / "kubectl" for folder in folders]
    real = {str(other.resolve()) for other in others if other.exists()}
    versions = [str(one) for path in real for one in Path(path).parent.glob("kubectl.1.*")]
    own = [str(BROUGHT)] if BROUGHT.exists() else []
    return [*own, *sorted(versions or real)]


@dataclass(frozen=True, slots=True)
class Kubectl:
    """One of them, with a kubeconfig."""

    program: str
    config: Path

    def __call__(
        self, *words: str, given: str = "", code: int | None = 0, more: Environment = NONE
    ) -> str:
        """What a command prints on stdout, and on stderr; `code` is the exit code that is right."""
        done = self.run(*words, given=given, more=more)
        said = done.stdout + done.stderr
        assert code is None or done.returncode == code, f"{' '.join(words)}: {said}"
        return said

    def run(
        self, *words: str, given: str = "", more: Environment = NONE
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        home = {"KUBECONFIG": str(self.config), "HOME": str(self.config.parent)}
        return subprocess.run(
            (self.program, *words),
            input=given,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env={**os.environ, **home, **more},
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command that goes on, such as a watch."""
        environment = {**os.environ, "KUBECONFIG": str(self.config)}
        return subprocess.Popen(
            (self.program, *words), stdout=subprocess.PIPE, text=True, env=environment
        )


def write_kubeconfig(file: Path, server: str, root: Path, user: dict[str, str]) -> Path:
    """A kubeconfig with one context."""
    cluster = {"server": server, "certificate-authority": str(root)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "mesh", "cluster": cluster}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "mesh", "context": {"cluster": "mesh", "user": "me"}}],
        "current-context": "mesh",
    }
    file.write_text(yaml.safe_dump(document))
    return file
