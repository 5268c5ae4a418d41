# SPDX-License-Identifier: MIT
#
# drive.bash LINE ...: what TAB offers behind each line, as the package bash-completion loads it from XDG_DATA_DIRS: a line of
# words, each in < and >, in their order.

source /usr/share/bash-completion/bash_completion

# Readline is not there to be told.
compopt() { :; }

for line; do
  read -ra COMP_WORDS <<<"$line"
  [[ $line == *' ' ]] && COMP_WORDS+=("")
  COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9 COMP_KEY=9 COMPREPLY=()
  program=${COMP_WORDS[0]}
  complete -p "$program" >/dev/null 2>&1 || _completion_loader "$program"
  function=$(complete -p "$program") || exit
  function=${function#*-F }
  ${function%% *} "$program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  ((${#COMPREPLY[@]} == 0)) || printf '<%s>\n' "${COMPREPLY[@]}" | LC_ALL=C sort | tr -d '\n'
  echo
done
