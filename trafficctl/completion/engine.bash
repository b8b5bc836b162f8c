# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Behind the tables of a program, which is called PROGRAM here. Names of interfaces, which anybody with a namespace
# chooses, are never expanded: no compgen -W, and quoted.
_PROGRAM_offer() # what begins with $cur: the words, and what is there of the kind
{
    local -i i
    mapfile -t COMPREPLY < <(
        compgen -W "$words" -- "$cur"
        case $kind in
        user) compgen -u -- "$cur" ;;
        group) compgen -g -- "$cur" ;;
        iface) builtin cd /sys/class/net 2>/dev/null && compgen -d -- "$cur" ;;
        pid) builtin cd /proc && compgen -d -X '*[!0-9]*' -- "$cur" ;;
        file) compgen -f -- "$cur" ;;
        directory) compgen -d -- "$cur" ;;
        esac
    )
    case $kind in
    iface)
        for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do
            printf -v "COMPREPLY[i]" %q "${COMPREPLY[i]}"
        done
        ;;
    file) compopt -o filenames -o default 2>/dev/null ;;
    directory) compopt -o filenames -o dirnames 2>/dev/null ;;
    esac
}

_PROGRAM()
{
    local cur=${COMP_WORDS[COMP_CWORD]} name='' option='' ended='' kind='' words='' word
    local -i i operands=0
    COMPREPLY=()
    [[ $cur != = ]] || cur=''
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == = ]]; then
            continue
        elif [[ $option ]]; then
            option=''
        elif [[ ! $ended && $word == -- ]]; then
            ended=yes
        elif [[ ! $ended && $word == -?* ]]; then
            ! _PROGRAM_takes "$name" "$word" || option=$word
        elif _PROGRAM_words "$name"; then
            name+=${name:+ }$word
        else
            operands+=1
        fi
    done
    if [[ $option ]]; then
        _PROGRAM_takes "$name" "$option"
    elif [[ ! $ended && $cur == -* ]]; then
        _PROGRAM_options "$name"
        words+=" $_PROGRAM_general"
    elif ! _PROGRAM_words "$name" && ! _PROGRAM_takes "$name" $((operands + 1)); then
        _PROGRAM_options "$name"
    fi
    _PROGRAM_offer
}
complete -F _PROGRAM PROGRAM
