# bash completion of @PROGRAM@. It needs the package bash-completion.

_@PROGRAM@()
{
    local cur prev words cword split
    _init_completion -s -n : || return

    local command= kind= word
    local -a options=() kinds=() operands=() given=()
    local -A takes=()
    local -i at=1 ended=0
    if ((cword > 1)); then
        case ${words[1]} in
            @COMMANDS@) command=${words[1]} at=2 ;;
        esac
    fi
    case $command in
@CASES@
@IF COMMANDS
        *)
            word='@WORDS@'
            [[ $cur == -* ]] && word='--help --version'
            ((cword == 1)) && COMPREPLY=($(compgen -W "$word" -- "$cur"))
            return
            ;;
@END
    esac

@IF COMMANDS
    # Two dashes do as well as one.
    [[ $cur == --* ]] && options=("${options[@]/#/-}")
    prev=${prev/#--/-}
@END

    # What stands before the cursor: options with their arguments, and operands.
    for (( ; at < cword; at++)); do
        word=${words[at]}
        if ((ended)) || [[ $word != -?* ]]; then
            given+=("$word")
@IF PLAIN
            # What follows is another program's.
            ended=1
@END
        elif [[ $word == -- ]]; then
            ended=1
        elif [[ $word != *=* ]]; then
@IF COMMANDS
            word=${word/#--/-}
@END
            kinds=(${takes[$word]-})
            if ((at + ${#kinds[@]} >= cword)); then
                kind=${kinds[cword - at - 1]}
                break
            fi
            at+=${#kinds[@]}
        fi
    done
    if [[ $split == true ]]; then
        kind=${takes[$prev]-nothing}
    fi
    if [[ -z $kind ]]; then
        if ((!ended)) && [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W '"${options[@]}"' -- "$cur"))
            return
        fi
        # The last of the operands may be one of many: it has a plus sign.
        word=${operands[-1]-}
        kind=${operands[${#given[@]}]-nothing}
        [[ $kind == nothing && $word == *+ ]] && kind=$word
        kind=${kind%+}
    fi

    case $kind in
        file) _filedir ;;
        directory) _filedir -d ;;
        choice:*)
            kind=${kind#*:}
            COMPREPLY=($(compgen -W "${kind//,/ }" -- "$cur"))
            ;;
        list:*)
            kind=${kind#*:}
            word=
            [[ $cur == *,* ]] && word=${cur%,*},
            compopt -o nospace
            COMPREPLY=($(compgen -P "$word" -W "${kind//,/ }" -- "${cur##*,}"))
            ;;
@IF COMMANDS
        command) COMPREPLY=($(compgen -W '@WORDS@' -- "$cur")) ;;
        member | folder)
            # Of the kit that is the first operand. Its name and what is typed are taken without their quotes, and nothing
            # is expanded but a tilde. Names of members are anybody's: they are never expanded, and are quoted here, as readline
            # leaves some letters as they are where no quote is open.
            local kit=${given[0]//\\/} typed=${cur//\\/}
            kit=${kit#[\'\"]} kit=${kit%[\'\"]} typed=${typed#[\'\"]}
            [[ $kit == '~/'* ]] && kit=$HOME/${kit#'~/'}
            [[ -f $kit ]] || return
            local -a only=()
            [[ $kind == folder ]] && only=(-type directory)
            [[ $cur == [\'\"]* ]] && compopt -o filenames
            while IFS= read -r -d '' word; do
                [[ $word == "$typed"* ]] || continue
                [[ $cur == [\'\"]* ]] || printf -v word %q "$word"
                COMPREPLY+=("$word")
            done < <(@PROGRAM@ find -print0 "${only[@]}" -- "$kit" 2>/dev/null)
            ;;
@END
    esac
    __ltrim_colon_completions "$cur"
} &&
    complete -F _@PROGRAM@ @PROGRAM@
