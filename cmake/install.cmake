# What `make install` and the package put where. The unit and the configuration name the folders of the prefix.
include(GNUInstallDirs)
set(EPHEMERAL_CONFIG_DIR ${CMAKE_INSTALL_FULL_SYSCONFDIR}/ephemeral-store)
set(packaging ${CMAKE_SOURCE_DIR}/packaging)
set(made ${CMAKE_BINARY_DIR}/packaging)

configure_file(${packaging}/ephemeral-store.service.in ${made}/ephemeral-store.service @ONLY)
configure_file(${packaging}/ephemeral-store.conf ${made}/ephemeral-store.conf @ONLY)

# The documents that the programs write themselves.
function(ephemeral_document file program word)
  add_custom_command(OUTPUT ${made}/${file} COMMAND ${program} ${word} > ${made}/${file} DEPENDS ${program} VERBATIM)
endfunction()
ephemeral_document(ephemerald.8 ephemerald --help-man)
ephemeral_document(ephemerald.completion ephemerald --help-completion)
ephemeral_document(ephemeralctl.1 ephemeralctl --help-man)
ephemeral_document(ephemeralctl.completion ephemeralctl --help-completion)
add_custom_target(installed ALL DEPENDS ephemerald ephemeralctl ${made}/ephemerald.8 ${made}/ephemerald.completion
                                        ${made}/ephemeralctl.1 ${made}/ephemeralctl.completion)

install(TARGETS ephemerald DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS ephemeralctl DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${made}/ephemerald.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${made}/ephemeralctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
foreach(program ephemerald ephemeralctl)
  install(FILES ${made}/${program}.completion DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
          RENAME ${program})
endforeach()
install(FILES ${made}/ephemeral-store.service DESTINATION lib/systemd/system)
install(FILES ${packaging}/ephemeral-store.sysusers DESTINATION lib/sysusers.d RENAME ephemeral-store.conf)
# An administrator's changes outlive the next installation.
install(CODE "set(file \"\$ENV{DESTDIR}${EPHEMERAL_CONFIG_DIR}/ephemeral-store.conf\")
if(EXISTS \"\${file}\")
  message(STATUS \"Kept: \${file}\")
else()
  file(INSTALL \"${made}/ephemeral-store.conf\" DESTINATION \"${EPHEMERAL_CONFIG_DIR}\")
endif()")
