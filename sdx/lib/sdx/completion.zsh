#compdef @PROGRAM@

local -a line names only
local command= state kit ret=1 at
typeset -A opt_args

@IF COMMANDS
local -a commands
commands=(
@SUMMARIES@
)
if (( CURRENT == 2 )); then
  _describe -t commands '@PROGRAM@ command' commands && ret=0
  [[ $words[2] == -* ]] &&
    _arguments '--help[print a list of commands]' '--version[tell which @PROGRAM@ this is]' && ret=0
  return ret
fi

# Two dashes do as well as one.
for (( at = 3; at <= $#words; at++ )); do
  [[ $words[at] == --[a-z]* ]] && words[at]=${words[at]#-}
done
[[ $PREFIX == --* ]] && compset -P 1 -
@END
if (( CURRENT > 2 )) && [[ $words[2] == (@COMMANDS@) ]]; then
  command=$words[2]
  shift words
  (( CURRENT-- ))
fi

case $command in
@CASES@
esac

@IF COMMANDS
case $state in
  (command)
    _describe -t commands '@PROGRAM@ command' commands && ret=0
    ;;
  (member | folder)
    # Of the kit that is the first operand. Names of members are anybody's: compadd takes them as they are.
    kit=${(Q)line[1]}
    kit=${kit/#\~\//$HOME/}
    if [[ -f $kit ]]; then
      [[ $state == folder ]] && only=(-type directory)
      names=( ${(0)"$(@PROGRAM@ find -print0 $only -- $kit 2>/dev/null)"} )
      _wanted members expl member compadd -a names && ret=0
    fi
    ;;
esac
@END

return ret
