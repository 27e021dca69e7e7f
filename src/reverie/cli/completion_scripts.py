"""Completion scripts of shells: each asks `reverie --complete WORD ...` what a word may become."""

from collections.abc import Mapping

BASH = """# reverie's completion for bash: source <(reverie --completion bash)
_reverie() {
    local IFS=$'\\n' line files= cur=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    while read -r line; do
        if [[ $line == :files ]]; then files=1; continue; fi
        COMPREPLY+=("${line%%$'\\t'*}")
    done < <("${COMP_WORDS[0]}" --complete "${words[@]}" 2>/dev/null)
    if [[ $files ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY+=($(compgen -f -- "$cur"))
    fi
}
complete -F _reverie reverie
"""

ZSH = """#compdef reverie
# reverie's completion for zsh: source <(reverie --completion zsh)
_reverie() {
    local -a found
    local line files=
    while IFS= read -r line; do
        if [[ $line == :files ]]; then files=1; continue; fi
        found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
    done < <("${words[1]}" --complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( $#found )) && _describe reverie found
    [[ -n $files ]] && _files
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _reverie "$@"
else
    compdef _reverie reverie
fi
"""

FISH = """# reverie's completion for fish
function __reverie
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] --complete $words[2..-1] 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c reverie -f -a "(__reverie)"
"""

SCRIPTS: Mapping[str, str] = {"bash": BASH, "zsh": ZSH, "fish": FISH}
"""The script for each shell."""
