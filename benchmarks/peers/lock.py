"""Compile ``requirements.txt`` from ``requirements.in`` with hashes and without any host; needs `uv`."""

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def fingerprint(wanted: str) -> str:
    """Return the SHA-256 of the requirement lines, comments left out."""
    lines = sorted(line.strip() for line in wanted.splitlines() if line.strip() and not line.startswith("#"))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def compile_lock() -> None:
    source = HERE / "requirements.in"
    command = ["uv", "pip", "compile", str(source), "--generate-hashes", "--universal", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--quiet", "--python-version", "3.11"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"uv could not compile the peers' requirements:\n{done.stderr}")
    head = f"# requirements.in sha256: {fingerprint(source.read_text(encoding='utf-8'))}\n# made by lock.py\n"
    (HERE / "requirements.txt").write_text(head + done.stdout, encoding="utf-8")


if __name__ == "__main__":
    compile_lock()
