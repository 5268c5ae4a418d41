# SPDX-License-Identifier: MIT
#
# drive.zsh DIRECTORY LINE ...: what TAB offers behind each line in a zsh on a terminal, with the functions in DIRECTORY: a
# line of words, each in < and >, and what becomes of the line.

zmodload zsh/zpty zsh/datetime

directory=$1
shift
# What the inner shell runs: each offer is written to a file, and the line when the key ^X is pressed.
cat >setup.zsh <<'END'
PROMPT=
unsetopt list_beep
fpath=($directory $fpath)
autoload -Uz compinit
compinit -D -u
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)(| *) ]]; then
    builtin compadd "$@"
    return
  fi
  local -a offered
  builtin compadd -A offered "$@"
  (( $#offered )) && printf '<%s>' "${offered[@]}" >>offers
  builtin compadd "$@"
}
tell() { print -r -- " $BUFFER" >>offers; BUFFER=; : >done; }
zle -N tell
bindkey '^X' tell
bindkey '^I' complete-word
: >done
END
await() {
  local -F end=$((EPOCHREALTIME + 30))
  until [[ -e done ]]; do
    (( EPOCHREALTIME < end )) || { print -u2 "zsh does not answer"; exit 1; }
    # What it draws must go somewhere.
    while zpty -r -t inner drawn; do :; done
    sleep 0.05
  done
  rm done
}
rm -f done
export directory
zpty -b inner zsh -f -i
zpty -w inner 'source ./setup.zsh'
await
for line; do
  rm -f offers
  zpty -w -n inner "$line"$'\t'$'\x18'
  await
  cat offers
done
zpty -d inner
