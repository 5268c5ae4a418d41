/* SPDX-License-Identifier: MIT
 *
 * empty: the floor of every start-up figure: what the kernel takes to start and end a static program that does nothing.
 */

int main(void) {
    return 0;
}
