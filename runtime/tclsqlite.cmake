# SPDX-License-Identifier: MIT
#
# The package sqlite3: SQLite's binding for Tcl, src/tclsqlite.c of Debian's source package of the same version as its
# library, which is fetched once into build/source and serves all presets. The file stays as it is; what it calls to
# open a database is vfs/driver/sqlite_connection.cpp.

file(STRINGS ${sqlite_INCLUDE}/sqlite3.h sqlite_version REGEX "^#define SQLITE_VERSION +\"")
string(REGEX REPLACE "^[^\"]*\"([0-9.]+)\".*$" "\\1" sqlite_version "${sqlite_version}")
set(tclsqlite_root ${CMAKE_SOURCE_DIR}/build/source/sqlite3-${sqlite_version})
if(NOT EXISTS ${tclsqlite_root})
  message(STATUS "Fetching Debian's source package sqlite3")
  execute_process(
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fetch-source.sh sqlite3 ${tclsqlite_root}
    RESULT_VARIABLE tclsqlite_result)
  if(NOT tclsqlite_result EQUAL 0)
    message(FATAL_ERROR
      "couldn't fetch the source of SQLite (hint: it needs a network; or unpack Debian's source package sqlite3 as "
      "${tclsqlite_root})")
  endif()
endif()
file(STRINGS ${tclsqlite_root}/VERSION tclsqlite_version)
if(NOT tclsqlite_version STREQUAL sqlite_version)
  message(FATAL_ERROR
    "${tclsqlite_root} holds SQLite ${tclsqlite_version}, but the library is ${sqlite_version} (hint: install the "
    "current libsqlite3-dev, and remove that directory)")
endif()

add_library(tclsqlite STATIC ${tclsqlite_root}/src/tclsqlite.c)
# Those of the library's options that the binding asks about.
target_compile_definitions(tclsqlite PRIVATE
  USE_SYSTEM_SQLITE SQLITE_ENABLE_PREUPDATE_HOOK SQLITE_ENABLE_UNLOCK_NOTIFY
  sqlite3_open_v2=starlit_sqlite3_open_v2)
# Its warnings are not ours to mend; and it is better small, too.
target_compile_options(tclsqlite PRIVATE -w $<$<CONFIG:Release>:-Os>)
target_link_libraries(tclsqlite PUBLIC starlit_driver sqlite tcl)
