/* SPDX-License-Identifier: MIT */
/* The real processor's side of native.h (APM vol. 3). */
#ifndef SEVC_ARCH_NATIVE_HARDWARE_H
#define SEVC_ARCH_NATIVE_HARDWARE_H

/* No red zone: nothing lies below RSP. */
static inline uint64_t sevc_arch_interrupts_save(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
    return flags;
}

static inline void sevc_arch_interrupts_on(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline const uint8_t *sevc_arch_copy_out(volatile void *to, const uint8_t *from,
                                                size_t bytes)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return from;
}

static inline uint8_t *sevc_arch_copy_in(uint8_t *to, const volatile void *from, size_t bytes)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

static inline void sevc_arch_native_cpuid(uint32_t regs[4])
{
    __asm__ volatile("cpuid" : "+a"(regs[0]), "=b"(regs[1]), "+c"(regs[2]), "=d"(regs[3]));
}

static inline uint64_t sevc_arch_native_rdmsr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void sevc_arch_native_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint32_t sevc_arch_native_in(uint16_t port, unsigned bytes)
{
    uint32_t value = 0;

    if (bytes == 1) {
        __asm__ volatile("inb %1, %b0" : "+a"(value) : "d"(port) : "memory");
    } else if (bytes == 2) {
        __asm__ volatile("inw %1, %w0" : "+a"(value) : "d"(port) : "memory");
    } else {
        __asm__ volatile("inl %1, %0" : "+a"(value) : "d"(port) : "memory");
    }
    return value;
}

static inline void sevc_arch_native_out(uint16_t port, unsigned bytes, uint32_t value)
{
    if (bytes == 1) {
        __asm__ volatile("outb %b0, %1" : : "a"(value), "d"(port) : "memory");
    } else if (bytes == 2) {
        __asm__ volatile("outw %w0, %1" : : "a"(value), "d"(port) : "memory");
    } else {
        __asm__ volatile("outl %0, %1" : : "a"(value), "d"(port) : "memory");
    }
}

static inline void sevc_arch_native_ins(uint16_t port, unsigned bytes, void *buffer, size_t count)
{
    if (bytes == 1) {
        __asm__ volatile("rep insb" : "+D"(buffer), "+c"(count) : "d"(port) : "memory");
    } else if (bytes == 2) {
        __asm__ volatile("rep insw" : "+D"(buffer), "+c"(count) : "d"(port) : "memory");
    } else {
        __asm__ volatile("rep insl" : "+D"(buffer), "+c"(count) : "d"(port) : "memory");
    }
}

static inline void sevc_arch_native_outs(uint16_t port, unsigned bytes, const void *buffer,
                                         size_t count)
{
    if (bytes == 1) {
        __asm__ volatile("rep outsb" : "+S"(buffer), "+c"(count) : "d"(port) : "memory");
    } else if (bytes == 2) {
        __asm__ volatile("rep outsw" : "+S"(buffer), "+c"(count) : "d"(port) : "memory");
    } else {
        __asm__ volatile("rep outsl" : "+S"(buffer), "+c"(count) : "d"(port) : "memory");
    }
}

static inline uint64_t sevc_arch_native_load(const volatile void *address, unsigned bytes)
{
    switch (bytes) {
    case 1:
        return *(const volatile uint8_t *)address;
    case 2:
        return *(const volatile uint16_t *)address;
    case 4:
        return *(const volatile uint32_t *)address;
    default:
        return *(const volatile uint64_t *)address;
    }
}

static inline void sevc_arch_native_store(volatile void *address, unsigned bytes, uint64_t value)
{
    switch (bytes) {
    case 1:
        *(volatile uint8_t *)address = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)address = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)address = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)address = value;
    }
}

#endif
