#!/bin/sh
# Starts sunup with the Node that lies beside it, and no other. Called by its plain absolute path, as units do, it forks nothing.
self=$0
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
  # What is cut off again keeps line ends that belong to the name.
  to=$(command -p readlink "$self" && echo /)
  to=${to%??}
  case $to in
    '') echo "sunup: the link $self can't be read" >&2; exit 1 ;;
    /*) self=$to ;;
    *) self=${self%/*}/$to ;;
  esac
done

# Where the program lies, without links in the last step up: Node would go up by the path's letters, and not by where they lead.
bin=${self%/*}
case $bin in
  [!/]* | */. | */.. | */./* | */../*) plain= ;;
  *) plain=1 ;;
esac
if [ "$plain" ] && [ ! -L "$bin" ]; then
  home=${bin%/*}
else
  home=$(unset CDPATH && cd -P -- "$bin/.." && pwd -P && echo /) || exit 1
  home=${home%??}
fi

# Without this no program for it can be started, and a shell would take one for a script.
if [ ! -e @INTERPRETER@ ]; then
  machine=$(command -p uname -m)
  if [ "$machine" = @MACHINE@ ]; then
    echo "sunup: this system has no @INTERPRETER@. sunup needs a Linux with the GNU C library 2.28 or newer (Alpine has another)." >&2
  else
    echo "sunup: this archive is for @MACHINE@ (linux-@ARCH@), and this machine is $machine. Install the archive for its architecture." >&2
  fi
  exit 1
fi
if [ ! -x "$home/runtime/node" ]; then
  echo "sunup: $home/runtime/node is not there or can't be run (an archive that was not unpacked whole? a file system mounted noexec?). Unpack the archive again." >&2
  exit 1
fi

# They are the application's: its Node is another. What commands get of an environment is said in their recipe, so nothing is lost by it.
unset @HIDDEN@
exec "$home/runtime/node" "$home/program/bin/sunup.js" "$@"
