"""`fedctl completion`: what a shell needs to complete commands, options and names."""

import click
from click.shell_completion import ShellComplete, get_completion_class

from federation.cli.complete import VARIABLE
from federation.cli.io import standard_io

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print a script by which SHELL completes commands, options, kinds and names.

    For bash: fedctl completion bash > ~/.local/share/bash-completion/completions/fedctl. For zsh,
    into a file _fedctl in a folder of $fpath; for fish: ~/.config/fish/completions/fedctl.fish.
    Names are asked of the controller, for a second at most.
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.BadParameter(f"{shell} is not known, only {', '.join(SHELLS)}")
    # Not the class's own, which starts a bash to look at its version.
    script = ShellComplete.source(found(ctx.find_root().command, {}, "fedctl", VARIABLE))
    standard_io().out.write(script)
    return 0
