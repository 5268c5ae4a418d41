# SPDX-License-Identifier: MIT
#
# debian.cmake: makes of what was installed what Debian's policy wants, before cpack puts it into a package: changelog,
# overrides for lintian(1), and compressed manual pages.

if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()
set(top ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share)
foreach(place doc/starlit/changelog lintian/overrides/starlit)
  get_filename_component(name ${place} NAME)
  get_filename_component(folder ${top}/${place} DIRECTORY)
  set(source ${CPACK_STARLIT_SOURCE}/changelog)
  if(name STREQUAL "starlit")
    set(source ${CPACK_STARLIT_SOURCE}/lintian-overrides)
  endif()
  file(MAKE_DIRECTORY ${folder})
  configure_file(${source} ${top}/${place} COPYONLY)
  file(CHMOD ${top}/${place} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endforeach()
file(GLOB pages ${top}/man/man*/*)
execute_process(COMMAND gzip -9 -n ${pages} ${top}/doc/starlit/changelog COMMAND_ERROR_IS_FATAL ANY)
