"""The NPUs that Vela compiles for, and the system around each that its estimates assume."""

MEMORY_MODE = "Shared_Sram"
# Target -> system of Vela's own Arm/vela.ini: those with flash that run at 500 MHz.
SYSTEMS = {
    "ethos-u55-128": "Ethos_U55_High_End_Embedded",
    "ethos-u55-256": "Ethos_U55_High_End_Embedded",
    "ethos-u65-256": "Ethos_U65_Embedded",
    "ethos-u85-256": "Ethos_U85_SYS_Flash_High",
}
